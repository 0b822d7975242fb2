"""What a release consists of, and whether one can be made. Not part of dvx; scripts/release is the command."""
