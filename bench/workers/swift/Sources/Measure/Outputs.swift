// Proof that something was computed: bench/workers/outputs.py, bit for bit.

import Foundation

/// One output of a model. Keys are a list, since Swift's dictionary takes two spellings of an
/// accent for one key, and Python's for two.
public struct Output: Sendable {
    public enum Value: Sendable {
        case numbers([Float])
        case text(String)
        case keyed([(key: String, number: Double)])
    }

    public var name: String
    public var value: Value

    public init(_ name: String, _ value: Value) { (self.name, self.value) = (name, value) }
}

public enum Outputs {
    /// All numbers in a fixed order; text is left out.
    public static func vector(_ outputs: [Output]) -> [Float] {
        sorted(outputs).flatMap { output -> [Float] in
            switch output.value {
            case .numbers(let numbers): return numbers
            case .text: return []
            case .keyed(let pairs): return sorted(pairs).map { Float($0.number) }
            }
        }
    }

    /// The class where one is named, else the likeliest key, else the place of the largest number.
    public static func top1(_ outputs: [Output]) -> String {
        let values = sorted(outputs).map(\.value)
        for case .text(let name) in values { return name }
        for case .keyed(let pairs) in values {
            let ordered = sorted(pairs)
            if let best = firstLargest(ordered.map(\.number)) { return ordered[best].key }
        }
        var largest: [Float] = []
        for case .numbers(let numbers) in values where numbers.count > largest.count {
            largest = numbers
        }
        return firstLargest(largest).map(String.init) ?? ""
    }

    /// Raw little-endian float32.
    public static func data(_ vector: [Float]) -> Data {
        vector.map(\.bitPattern.littleEndian).withUnsafeBytes { Data($0) }
    }

    private static func firstLargest<T: Comparable>(_ numbers: [T]) -> Int? {
        numbers.indices.dropFirst().reduce(numbers.indices.first) { best, place in
            numbers[place] > numbers[best!] ? place : best
        }
    }

    private static func sorted(_ outputs: [Output]) -> [Output] {
        outputs.sorted { precedes($0.name, $1.name) }
    }

    private static func sorted(
        _ pairs: [(key: String, number: Double)]
    ) -> [(key: String, number: Double)] {
        pairs.sorted { precedes($0.key, $1.key) }
    }

    /// By code points, as Python sorts.
    private static func precedes(_ first: String, _ second: String) -> Bool {
        first.unicodeScalars.lexicographicallyPrecedes(second.unicodeScalars)
    }
}
