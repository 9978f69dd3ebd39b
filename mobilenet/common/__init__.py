"""What every room uses: errors, files, pictures, text, progress, and the terminal."""
