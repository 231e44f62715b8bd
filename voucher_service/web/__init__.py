"""What people see: one blueprint a door, and what every door shares."""
