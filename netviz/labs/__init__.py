"""Labs: small scenes with real clients and servers, each to be captured and looked at; a file for each."""
