"""Pictures drawn for tests and the demo: a plate, a car that carries it, a street around it."""
