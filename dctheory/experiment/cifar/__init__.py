"""The paper's experiments on CIFAR, as named experiments that share one recipe and one core."""
