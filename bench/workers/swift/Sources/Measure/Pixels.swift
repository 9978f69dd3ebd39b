// Pictures as the protocol has them, and as rows of a pixel buffer, which may be longer than a
// picture is wide.

import Foundation

public struct PixelRows {
    public enum Format: String, Sendable {
        case bgra, gray, half

        var bytes: Int { self == .bgra ? 4 : self == .gray ? 1 : 2 }
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

    /// From red, green and blue, or gray, row by row; 0 to 255 but for halves.
    public func fill(_ numbers: [Float]) {
        for pixel in 0..<width * height {
            let place = address(pixel)
            switch format {
            case .bgra:
                let bytes = [2, 1, 0].map { UInt8(numbers[3 * pixel + $0]) } + [255]
                place.copyMemory(from: bytes, byteCount: 4)
            case .gray: place.storeBytes(of: UInt8(numbers[pixel]), as: UInt8.self)
            case .half: place.storeBytes(of: Half.bits(numbers[pixel]), as: UInt16.self)
            }
        }
    }

    /// The same back.
    public func numbers() -> [Float] {
        (0..<width * height).flatMap { pixel -> [Float] in
            let place = address(pixel)
            switch format {
            case .bgra: return [2, 1, 0].map { Float(place.load(fromByteOffset: $0, as: UInt8.self)) }
            case .gray: return [Float(place.load(as: UInt8.self))]
            case .half: return [Half.number(place.load(as: UInt16.self))]
            }
        }
    }

    private func address(_ pixel: Int) -> UnsafeMutableRawPointer {
        let (row, column) = pixel.quotientAndRemainder(dividingBy: width)
        return base + row * bytesPerRow + column * format.bytes
    }
}

/// Numbers of 16 bits: Swift has no type for them on Intel's Macs. A float32 of a 2^112th has a
/// half's exponent.
enum Half {
    static func bits(_ number: Float) -> UInt16 {
        if number.isNaN { return 0x7e00 }
        let bits = (number.magnitude * 0x1p-112).bitPattern
        let nearest = (bits + 0xfff + (bits >> 13 & 1)) >> 13  // of two as near, the even one
        return UInt16(min(nearest, 0x7c00)) | (number.sign == .minus ? 0x8000 : 0)
    }

    static func number(_ bits: UInt16) -> Float {
        let magnitude = UInt32(bits & 0x7fff)
        let isFinite = magnitude < 0x7c00
        let number = isFinite
            ? Float(bitPattern: magnitude << 13) * 0x1p112
            : magnitude == 0x7c00 ? .infinity : .nan
        return bits & 0x8000 == 0 ? number : -number
    }
}
