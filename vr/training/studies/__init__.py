"""Studies of many runs: control texts, tuned settings, mined confusions."""
