"""One module for each technique, and what it is made of; none knows another."""
