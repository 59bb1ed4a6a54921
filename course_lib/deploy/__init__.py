"""What runs a network beside PyTorch, and the small file that it is stored in."""
