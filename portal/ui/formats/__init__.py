"""How dates and times are written, a package a language; what is not here is as Django has it."""
