# train.py from its size for a CPU to a size for a GPU: 8 layers, 512 wide, 50 million parameters.
s/^DEPTH = .*/DEPTH = 8  # one of: 4, 6, 8, 10, 12/
s/^ASPECT = .*/ASPECT = 64  # one of: 32, 48, 64, 80, 96/
s/^HEAD_DIM = .*/HEAD_DIM = 128  # one of: 64, 128/
s/^VALUE_LAYERS = .*/VALUE_LAYERS = 4  # one of: 0, 1, 2, 4/
s/^BIGRAMS = .*/BIGRAMS = 0  # one of: 0, 16384, 65536, 262144/
s/^TRIGRAMS = .*/TRIGRAMS = 0  # one of: 0, 16384, 65536, 262144/
s/^SOFTCAP = .*/SOFTCAP = 15.0  # one of: 0.0, 10.0, 15.0, 20.0, 30.0/
s/^BATCH_SIZE = .*/BATCH_SIZE = 256  # one of: 64, 128, 256/
s/^MATRIX_LR = [^ ]*/MATRIX_LR = 0.04/
s/^EMBED_LR = [^ ]*/EMBED_LR = 2.0/
s/^HEAD_LR = [^ ]*/HEAD_LR = 0.014/
s/^WEIGHT_DECAY = [^ ]*/WEIGHT_DECAY = 0.2/
