"""What an iOS app needs beside the model."""
