from prepare import diagonal, save

SLOPE = 0.3
save(diagonal(SLOPE))
