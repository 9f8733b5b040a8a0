"""What is measured, against whom, with which command: see README.md."""
