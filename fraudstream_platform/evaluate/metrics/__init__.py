"""Pure measures; each takes plain arrays or courses of attacks and gives plain figures."""
