"""The tests; a package, so that its helper modules have one name and are imported once."""
