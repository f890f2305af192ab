"""Configurations survive documents and files; what is wrong is named, with its line."""

import json
import os
from dataclasses import fields, replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dctheory.train.config import (
    METHODS,
    PRECISIONS,
    EvaluationConfig,
    ModelConfig,
    ObjectiveConfig,
    OptimizerConfig,
    TrainConfig,
)
from dctheory.train.config_file import (
    differences,
    from_dict,
    load_config,
    override,
    save_config,
    to_dict,
)
from dctheory.train.data_config import DigitsData, GraphData, SphereData

_SEEDS = st.none() | st.integers(0, 2**31 - 1)
_SHARES = st.floats(0, 1, exclude_max=True)
_POSITIVE = st.floats(1e-300, 1e300)

_DATA = st.one_of(
    st.builds(DigitsData, mixed=_SHARES, keep_mixed=st.booleans(), seed=_SEEDS),
    st.builds(SphereData, classes=st.integers(2, 9), noise=_POSITIVE, seed=_SEEDS),
    st.builds(
        GraphData,
        pairing=st.sampled_from(["both", "matched", "either"]),
        show=st.just("features"),
        images=st.none() | st.integers(1, 99),
        epsilon=_SHARES,
    ),
)
_CONFIGS = st.builds(
    TrainConfig,
    data=_DATA,
    model=st.builds(ModelConfig, kind=st.sampled_from(["linear", "mlp"]), width=st.integers(1, 99)),
    objective=st.builds(
        ObjectiveConfig, method=st.sampled_from(METHODS), sigma=st.floats(-1e300, 1e300)
    ),
    optimizer=st.builds(OptimizerConfig, learning_rate=_POSITIVE, warmup=_SHARES),
    evaluation=st.builds(EvaluationConfig, every=st.integers(0, 99), ridge=_SHARES),
    steps=st.integers(1, 2**31 - 1),
    batch_size=st.integers(2, 2**40),
    seed=st.integers(0, 2**31 - 1),
    precision=st.sampled_from(PRECISIONS),
)
CONFIG = TrainConfig(steps=200)


@given(_CONFIGS)
def test_a_configuration_survives_its_document_and_json(config):
    document = to_dict(config)
    assert from_dict(document) == config
    assert from_dict(json.loads(json.dumps(document, allow_nan=False))) == config


def test_a_document_names_every_field_and_the_kind_first():
    document = to_dict(CONFIG)
    assert list(document) == [field.name for field in fields(TrainConfig)]
    assert next(iter(document["data"].items())) == ("kind", "digits")
    for table in ("data", "model", "objective", "optimizer", "evaluation"):
        names = {field.name for field in fields(getattr(CONFIG, table))}
        assert set(document[table]) - {"kind"} == names - {"kind"}


def test_equal_configurations_have_equal_documents_of_plain_values():
    plain = OptimizerConfig(learning_rate=0.5, weight_decay=1)
    other = OptimizerConfig(learning_rate=Fraction(1, 2), weight_decay=np.float32(1))
    texts = {
        json.dumps(to_dict(replace(CONFIG, optimizer=optimizer, seed=seed)))
        for optimizer, seed in ((plain, 3), (other, np.int64(3)))
    }
    assert len(texts) == 1


def test_what_is_left_out_has_its_default_and_whole_numbers_are_numbers():
    document = {"steps": 200, "optimizer": {"learning_rate": 1}, "data": {}, "model": {}}
    assert from_dict(document) == TrainConfig(
        steps=200, optimizer=OptimizerConfig(learning_rate=1.0)
    )
    assert isinstance(from_dict(document).optimizer.learning_rate, float)
    graph = from_dict({"steps": 1, "data": {"kind": "graph"}, "model": {"kind": "table"}})
    assert graph.data == GraphData()


@pytest.mark.parametrize(
    ("document", "error", "message"),
    [
        ({"learning_rate": 1}, ValueError, "'learning_rate'; did you mean 'optimizer.learning_"),
        ({"optimizer": {"momentun": 1}}, ValueError, r"mean 'optimizer.momentum'\? \(allowed: opt"),
        ({"objective": {"learning_rate": 1}}, ValueError, "did you mean 'optimizer.learning_rate'"),
        ({"optimizer": {"lr": 1}}, ValueError, r"'optimizer.lr' \(allowed: .*learning_rate"),
        ({"optimiser": {"momentum": 1}}, ValueError, r"'optimiser'; did you mean 'optimizer'\?"),
        ({"data": {"classes": 3}}, ValueError, "'data.classes' with data of kind 'digits'"),
        ({"data": {"kind": "sphre"}}, ValueError, "did you mean 'sphere'"),
        ({"data": {"kind": 3}}, TypeError, "data.kind must be a string"),
        ({"optimizer.momentum": 0.5}, ValueError, "write what follows the dot in a table"),
        ({"optimizer": 3}, ValueError, "'optimizer' is a table"),
        ({1: 2}, ValueError, "unknown key '1'"),
        ([], TypeError, r"must be a table of keys, got \[\]"),
        ({"steps": 2.0}, TypeError, "steps must be an integer, got 2.0"),
        ({"steps": True}, TypeError, "steps must be an integer, got True"),
        ({"steps": {}}, TypeError, "steps must be an integer, got {}"),
        ({"seed": None}, TypeError, "seed must be an integer, got None"),
        ({"precision": 32}, TypeError, "precision must be a string, got 32"),
        ({"data": {"keep_mixed": 1}}, TypeError, "data.keep_mixed must be true or false, got 1"),
        ({"optimizer": {"momentum": "0.5"}}, TypeError, "optimizer.momentum must be a real num"),
        ({"data": {"mixed": float("nan")}}, ValueError, "data.mixed must be finite"),
        ({"batch_size": 1, "steps": 1}, ValueError, "batch_size must be at least 2"),
        ({}, ValueError, "give either steps or epochs"),
    ],
)
def test_what_is_wrong_is_named(document, error, message):
    with pytest.raises(error, match=message):
        from_dict(document)


# --- Overrides


def test_overrides_set_keys_by_json_or_bare_words():
    found = override(
        CONFIG,
        'optimizer.learning_rate=1e-1|seed = 7|objective.method=hcl|precision="bfloat16"|'
        "data.keep_mixed=false|data.seed=3|seed=8".split("|"),
    )
    assert found == TrainConfig(
        data=DigitsData(keep_mixed=False, seed=3),
        objective=ObjectiveConfig(method="hcl"),
        optimizer=OptimizerConfig(learning_rate=0.1),
        steps=200,
        seed=8,
        precision="bfloat16",
    )
    assert override(found, ["data.seed=null"]).data.seed is None
    assert override(CONFIG, []) == CONFIG


def test_an_incomplete_document_is_completed():
    assert override({"seed": 1}, ["steps=5"]) == TrainConfig(seed=1, steps=5)


def test_steps_and_epochs_take_each_other_away():
    epochs = override(CONFIG, ["epochs=3"])
    assert (epochs.steps, epochs.epochs) == (None, 3)
    assert override(epochs, ["steps=200"]) == CONFIG
    for assignments in (["steps=5", "epochs=3"], ["steps=null"]):
        with pytest.raises(ValueError, match="give either steps or epochs"):
            override(CONFIG, assignments)


def test_another_kind_of_data_starts_from_its_defaults():
    digits = replace(CONFIG, data=DigitsData(seed=5, mixed=0.5))
    for assignments in (
        ["data.kind=sphere", "data.classes=3"],
        ["data.classes=3", "data.kind=sphere"],
    ):
        assert override(digits, assignments).data == SphereData(classes=3)
    assert override(digits, ["data.kind=digits"]) == digits


@pytest.mark.parametrize(
    ("assignment", "error", "message"),
    [
        ("steps", ValueError, "cannot set 'steps'; write key=value"),
        ("=3", ValueError, "cannot set '=3'"),
        ("optimiser.momentum=1", ValueError, r"did you mean 'optimizer.momentum'\?"),
        ("optimizer=1", ValueError, "'optimizer' is a table"),
        ("a.b.c=1", ValueError, "unknown key 'a.b.c'"),
        ("steps=many", TypeError, "steps must be an integer, got 'many'"),
        ("optimizer.momentum=NaN", ValueError, "optimizer.momentum must be finite"),
        ("seed=" + "[" * 100_000, TypeError, "seed must be an integer"),
    ],
)
def test_a_wrong_override_is_named(assignment, error, message):
    with pytest.raises(error, match=message):
        override(CONFIG, [assignment])


# --- Files

_TOML = """\
steps = 200  # seed, momentum
seed = 3

[optimizer]
momentum = 0.5
"""
_JSON = """\
{
  "data": {"seed": 5, "kind":
    "digits"},
  "precision": "\\"seed\\":",
  "seed": 3,
  "optimizer": {
    "momentum": 0.5
  },
  "steps": 200
}
"""


def test_files_hold_what_documents_hold(tmp_path):
    toml, text = tmp_path / "a.toml", tmp_path / "a.json"
    toml.write_text(_TOML)
    expected = TrainConfig(steps=200, seed=3, optimizer=OptimizerConfig(momentum=0.5))
    assert load_config(toml) == expected
    save_config(text, expected)
    assert load_config(str(text)) == expected
    assert json.loads(text.read_text()) == to_dict(expected)
    assert sorted(os.listdir(tmp_path)) == ["a.json", "a.toml"]


@pytest.mark.parametrize(
    ("name", "text", "old", "new", "message"),
    [
        ("a.toml", _TOML, "0.5", "1.5", r"a\.toml:5: optimizer.momentum must lie"),
        ("a.toml", _TOML, "momentum = ", "momentun = ", r"a\.toml:5: unknown key 'optimizer.mom"),
        ("a.toml", _TOML, "[optimizer]", "[optimiser]", r"a\.toml:4: unknown key 'optimiser'"),
        ("a.toml", _TOML, "seed = 3", "seed = '3'", r"a\.toml:2: seed must be an integer"),
        ("a.toml", _TOML, "steps = 200", "", r"a\.toml: give either steps or epochs"),
        ("a.toml", _TOML, "0.5", "0,5", r"a\.toml: .*line 5"),
        ("a.toml", _TOML, "seed = 3", "steps = 3", r"a\.toml: .*line 2"),
        ("a.json", _JSON, '"\\"seed\\":"', '"half"', r"a\.json:4: unknown precision"),
        ("a.json", _JSON, '"momentum"', '"momentun"', r"a\.json:7: unknown key 'optimizer.momen"),
        ("a.json", _JSON, ": 3", ': "3"', r"a\.json:5: seed must be an integer"),
        ("a.json", _JSON, ': {"seed": 5', ': {"seed": "5"', r"a\.json:2: data.seed must be an int"),
        ("a.json", _JSON, '"steps"', '"seed"', r"a\.json: the key 'seed' stands there twice"),
        ("a.json", _JSON, '"digits"', "digits", r"a\.json: .*line 3"),
        ("a.json", _JSON, _JSON, "[3]", r"a\.json: a configuration is a table of keys, got \[3\]"),
        ("a.json", _JSON, _JSON, "", r"a\.json: .*line 1"),
        ("a.json", _JSON, _JSON, "[" * 100_000, r"a\.json: .*recursion"),
        ("a.json", _JSON, "3", "1" + "0" * 5000, r"a\.json: .*digits"),
        ("a.yaml", _TOML, "", "", r"a\.yaml' is no configuration; give a .toml or a .json file"),
    ],
)
def test_a_wrong_file_is_named_with_the_line(name, text, old, new, message, tmp_path):
    path = tmp_path / name
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(ValueError, match=message):
        load_config(path)


def test_a_file_that_is_not_text_or_not_there(tmp_path):
    path = tmp_path / "a.toml"
    path.write_bytes(b"seed = '\xff'")
    with pytest.raises(ValueError, match=r"a\.toml: 'utf-8' codec"):
        load_config(path)
    with pytest.raises(FileNotFoundError):
        load_config(tmp_path / "b.toml")


# --- Differences


def test_differences_name_both_values():
    changed = override(CONFIG, ["optimizer.momentum=0.5", "seed=3", "precision=bfloat16"])
    assert differences(to_dict(CONFIG), to_dict(changed)) == [
        "optimizer.momentum: 0.9 -> 0.5",
        "seed: 0 -> 3",
        'precision: "float32" -> "bfloat16"',
    ]
    assert differences(to_dict(CONFIG), to_dict(CONFIG)) == []


def test_keys_of_one_side_are_absent_on_the_other():
    old = {"a": 1, "b": {"c": {"d": None}}, "runs": [{"seed": 1}, {"seed": 2}]}
    new = {"b": {"c": {}}, "runs": [{"seed": 1}, {"seed": 3}, []]}
    assert differences(old, new) == [
        "b.c: absent -> {}",
        "runs[1].seed: 2 -> 3",
        "runs[2]: absent -> []",
        "a: 1 -> absent",
        "b.c.d: null -> absent",
    ]
