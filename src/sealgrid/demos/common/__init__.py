"""What the stories of ``sealgrid demo`` do alike: buy, verify, look at what the machine saw, try thefts, print."""
