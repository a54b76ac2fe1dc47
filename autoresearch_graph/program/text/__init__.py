"""The text of a program.md in parts: blocks, headings, front matter, languages, quantities."""
