// Pictures as the protocol has them, and as rows of a pixel buffer, which may be longer than a
// picture is wide.

import Foundation

public struct PixelRows {
    public enum Format: String, Sendable {
        case bgra, gray

        var bytes: Int { self == .bgra ? 4 : 1 }
    }

    let base: UnsafeMutableRawPointer
    let bytesPerRow: Int
    let width: Int
    let height: Int
    let format: Format

    public init(
        _ base: UnsafeMutableRawPointer, bytesPerRow: Int, width: Int, height: Int, format: Format
    ) {
        (self.base, self.bytesPerRow) = (base, bytesPerRow)
        (self.width, self.height, self.format) = (width, height, format)
    }

    /// From red, green and blue, or gray; of as many bytes as belong to the picture.
    public func fill(_ picture: Data) {
        let channels = format == .bgra ? 3 : 1
        for (index, byte) in picture.enumerated() {
            let (pixel, channel) = index.quotientAndRemainder(dividingBy: channels)
            let place = address(pixel)
            guard format == .bgra else {
                place[0] = byte
                continue
            }
            place[2 - channel] = byte
            place[3] = 255
        }
    }

    /// Red, green and blue, or gray, row by row.
    public func numbers() -> [Float] {
        (0..<width * height).flatMap { pixel -> [Float] in
            let place = address(pixel)
            return format == .bgra ? [2, 1, 0].map { Float(place[$0]) } : [Float(place[0])]
        }
    }

    private func address(_ pixel: Int) -> UnsafeMutablePointer<UInt8> {
        let (row, column) = pixel.quotientAndRemainder(dividingBy: width)
        let place = base + row * bytesPerRow + column * format.bytes
        return place.assumingMemoryBound(to: UInt8.self)
    }
}
