"""What any model says of photographs, arrays and values that it is given."""
