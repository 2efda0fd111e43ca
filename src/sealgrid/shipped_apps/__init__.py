"""Apps that ship with Sealgrid, as package data: folders for `sealgrid app deploy`."""
