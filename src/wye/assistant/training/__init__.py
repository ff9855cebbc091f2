"""What the checkpoints of Hugging Face's Trainer tell of a training run: how it goes, and how it will go on."""
