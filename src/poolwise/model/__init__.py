"""The nouns: plain frozen values that travel between the rooms of the house. They import nothing but errors."""
