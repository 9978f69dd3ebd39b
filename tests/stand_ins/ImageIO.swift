// Just so much of Image I/O as the Swift file of an asset uses, as Apple documents it:
// developer.apple.com/documentation/imageio.

public enum CGImagePropertyOrientation: UInt32, Sendable {
    case up = 1, upMirrored, down, downMirrored, leftMirrored, right, rightMirrored, left
}
