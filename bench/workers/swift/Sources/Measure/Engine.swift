// What runs a model: Core ML, or something made in its place.

import Foundation

public protocol Engine {
    /// The compute units of this machine; an error where it cannot run anything.
    func units() throws -> [String]
    /// Brings a package into the form that is loaded, in an empty folder.
    func compile(_ package: URL, into folder: URL) throws -> URL
    /// Where each operation would run; an error where nothing tells.
    func plan(_ compiled: URL, unit: String) throws -> [PlacedOp]
    func load(_ compiled: URL, unit: String) throws -> any LoadedModel
}

public protocol LoadedModel {
    /// Makes all that a call needs, so that it does nothing but predict.
    func prepare(_ inputs: [InputFile], batch: Int) throws -> any Prediction
}

public protocol Prediction: AnyObject {
    func run() throws
    /// What the last call computed; of a batch, its last.
    func outputs() throws -> [Output]
}

extension InputFile {
    /// Pixels or numbers, row by row.
    public func values() throws -> [Float] {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let size = shape.reduce(type == "uint8" ? 1 : 4, *)
        guard data.count == size else {
            throw WorkerError("input \(name) has \(data.count) bytes, \(size) belong to \(shape)")
        }
        if type == "uint8" { return data.map { Float($0) } }
        return data.withUnsafeBytes { raw in
            stride(from: 0, to: size, by: 4).map { offset in
                let stored = raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
                return Float(bitPattern: UInt32(littleEndian: stored))
            }
        }
    }
}
