// A launch counts only if it computed the right thing: bench/workers/outputs.py.

import Foundation

/// `Output` of bench/results/records.py.
public struct CheckedOutput: Codable, Equatable, Sendable {
    public var top1: String
    public var digest: String
    public var finite: Bool
    public var difference: Double?
}

public enum OutputGate {
    static let tolerance = 0.1  // relative L2 of all outputs from the reference's

    static func checked(
        _ values: [Float], top1: String, reference: [Float]?
    ) -> CheckedOutput {
        let isFinite = values.allSatisfy(\.isFinite)
        let expected = isFinite ? reference : nil
        return CheckedOutput(
            top1: top1, digest: digest(values), finite: isFinite,
            difference: expected.map { difference(values, $0) })
    }

    /// SHA-256 of the values to 3 significant digits.
    static func digest(_ values: [Float]) -> String {
        var text: [UInt8] = []
        var number = [CChar](repeating: 0, count: 32)
        for value in values {
            let size = value.isNaN
                ? 0 : withVaList([Double(value)]) { vsnprintf(&number, number.count, "%.2e", $0) }
            if !text.isEmpty { text.append(UInt8(ascii: " ")) }
            text += size == 0 ? Array("nan".utf8) : number.prefix(Int(size)).map { UInt8($0) }
        }
        return SHA256.hex(text)
    }

    /// Relative L2 distance; 1 where the sizes do not even agree.
    static func difference(_ values: [Float], _ reference: [Float]) -> Double {
        guard values.count == reference.count else { return 1 }
        var (distance, scale) = (0.0, 0.0)
        for (value, expected) in zip(values, reference) {
            let error = Double(value) - Double(expected)
            distance += error * error
            scale += Double(expected) * Double(expected)
        }
        return scale > 0 ? (distance / scale).squareRoot() : distance > 0 ? 1 : 0
    }

    /// Why these outputs disqualify their launch; nil when they do not.
    static func reason(against output: CheckedOutput) -> String? {
        guard output.finite else { return "outputs are not finite (NaN or infinity)" }
        guard let far = output.difference, far > tolerance else { return nil }
        return "outputs differ from the reference by \(String(format: "%.2g", far)) (relative L2; "
            + "allowed \(String(format: "%g", tolerance))), top-1 is \(output.top1)"
    }
}
