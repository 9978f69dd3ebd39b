// What a network sees of a camera's frame: mobilenet/preprocess.py and export/app/swift.py.

import Foundation

public struct Geometry: Equatable, Sendable {
    /// How a picture is kept whole, "squash" or "corner"; nil where its centre is cropped.
    public let whole: String?
    private let crop: Double  // input pixels / pixels after resizing
    private let aspect: Double  // width / height of the input

    /// `metadata` is what a package has under "mobilenet"; packages of others are taken to be cropped
    /// as most checkpoints are. Width and height are the input's.
    public init(metadata: String?, width: Int, height: Int) {
        struct Metadata: Decodable {
            struct Geometry: Decodable { var crop: Double, whole: String? }
            var geometry: Geometry
        }
        let about = try? Message.decode(Metadata.self, Data((metadata ?? "").utf8))
        let (shorter, asked) = (min(width, height), about?.geometry.crop ?? 0.875)
        let isCrop = asked > 0 && asked <= 1
        whole = about?.geometry.whole
        crop = Double(shorter) / (Double(shorter) / (isCrop ? asked : 0.875)).rounded(.down)
        aspect = Double(width) / Double(height)
    }

    /// What is cropped of an upright picture of these pixels, in Vision's coordinates: both sides
    /// are 1, the origin is at the lower left.
    public func region(width: Double, height: Double) -> Region {
        if whole != nil { return Region(x: 0, y: 0, width: 1, height: 1) }
        let across = crop * min(width, height * aspect)
        let down = crop * min(height, width / aspect)
        return Region(
            x: (width - across) / 2 / width, y: (height - down) / 2 / height,
            width: across / width, height: down / height)
    }
}

public struct Region: Codable, Equatable, Sendable {
    public var x: Double
    public var y: Double
    public var width: Double
    public var height: Double
}
