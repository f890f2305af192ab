"""What a dry run says about cost, and that it counts the runs that would be made."""

from dataclasses import replace

import pytest

from dctheory.experiment._cost import expected_cost, resolved
from dctheory.experiment._run import make_plan
from dctheory.experiment.registry import EXPERIMENTS, load_experiment
from dctheory.experiment.tasks import Task

CIFAR = [name for name in EXPERIMENTS if name.startswith("cifar-")]


def result(settings):
    rules = ("random", "balanced", "score", "oracle", "ranking")
    return {"evaluation": {"probe_accuracy": 0.5}, "subsets": {rule: [0, 1] for rule in rules}}


@pytest.mark.parametrize("name", CIFAR)
def test_the_trainings_are_those_of_the_tasks(name, data_dir):
    from dctheory.train.config_file import to_dict

    plan = make_plan(name, "smoke", data_dir=data_dir)
    tasks = plan.tasks
    while len(more := plan.tasks_after({task.name: result(plan) for task in tasks})) > len(tasks):
        tasks = more

    def kinds(documents):
        # Subsets are of the images that all of them were trained on.
        return sorted(str(each | {"data": each["data"] | {"samples": None}}) for each in documents)

    said = [to_dict(each) for each in plan.experiment.trainings(plan.settings, plan.seeds)]
    assert kinds(said) == kinds([task.arguments["config"] for task in tasks])


def test_time_and_memory_of_a_plan(data_dir):
    plan = make_plan("cifar-removal", "smoke", data_dir=data_dir)
    found = expected_cost(plan)
    assert found["time"] == "not measured"
    assert found["training"]["runs"] == 8
    assert found["memory"]["peak"].endswith(" MB")
    assert "(16 views, " in found["memory"]["activations"]
    # 40 images of 32 × 32 × 3 bytes with their numbers and labels.
    assert found["memory"]["data set"] == "123 kB"


def test_a_time_is_of_the_presets_own_settings(data_dir):
    experiment = load_experiment("cifar-removal")
    timed = replace(experiment, seconds={"cpu": 60.0, "smoke": 7.0})
    plan = replace(make_plan("cifar-removal", "smoke", data_dir=data_dir), experiment=timed)
    assert expected_cost(plan)["time"] == "about 7 s"
    longer = replace(plan, settings=plan.settings.changed(["epochs=2"]))
    assert expected_cost(longer)["time"] == "not measured"


def test_the_resolved_configuration(data_dir):
    plan = make_plan("cifar-removal", "smoke", data_dir=data_dir)
    found = resolved(plan.tasks)
    assert found["configuration"] == plan.tasks[0].arguments["config"]
    assert found["runs"] == {
        "search-baseline-0": "as above",
        "search-baseline-1": "objective.temperature=0.2",
        "search-removal-0": 'objective.method="removal"',
        "search-removal-1": 'objective.method="removal", objective.temperature=0.2',
    }
    several = Task("both", "a:b", {"configs": [{"seed": 3, "data": {"kind": "digits"}}] * 2})
    assert resolved([several])["configuration"] == {"seed": 3, "data": {"kind": "digits"}}
    assert resolved([Task("other", "a:b", {"points": [1]})]) == {}
