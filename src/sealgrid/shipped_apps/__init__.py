"""The apps that ship with Sealgrid, as folders that `sealgrid app deploy` takes and as package data."""
