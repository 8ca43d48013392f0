"""What is kept beside the published hours for those who read them."""
