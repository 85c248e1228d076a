"""evalkit asks medical vision-language models the questions of a benchmark and says what the answers are worth."""
