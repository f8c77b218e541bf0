"""Files of Playwright's tests: run by the user's own Playwright, told as one check each."""
