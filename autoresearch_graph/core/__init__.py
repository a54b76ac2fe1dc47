"""Values and rules of the loop. Pure: no file, process, clock or network."""
