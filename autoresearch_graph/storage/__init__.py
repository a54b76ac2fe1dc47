"""The files of one research, below `.autoresearch/<tag>`."""
