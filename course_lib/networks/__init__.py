"""Networks, their training, their files, their layers, and what is counted of them."""
