"""Other codebases' rules, to the letter, mistakes included: one file each, with its source and commit."""
