"""What every room uses: errors, files, pictures, and the terminal."""
