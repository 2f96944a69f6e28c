"""Real Kubernetes for tests and trials, built from source where no image can be pulled."""
