// What a network says of one frame, ready to be drawn.

import Foundation

struct RankedClass: Identifiable, Sendable {
    let id: Int  // its rank
    let label: String
    let probability: Float

    /// The five most probable; of equal ones, the first in the list.
    static func best(_ classes: [(label: String, probability: Float)]) -> [RankedClass] {
        classes.enumerated()
            .sorted { left, right in
                (right.element.probability, left.offset) < (left.element.probability, right.offset)
            }
            .prefix(5).enumerated()
            .map { rank, each in
                RankedClass(
                    id: rank, label: each.element.label, probability: each.element.probability)
            }
    }
}

struct DetectedObject: Identifiable, Sendable {
    let id: Int  // its rank
    let label: String
    let confidence: Float
    /// Both sides of the upright frame are 1, the origin is at the upper left.
    let box: CGRect
}

enum Answer: Sendable {
    case classes([RankedClass])
    case objects([DetectedObject])
    case classMap(ClassMap)
}

/// The number of a class for each pixel of the upright frame, on a grid of its own.
struct ClassMap: Sendable {
    let width: Int
    let height: Int
    let labels: [String]
    private let classes: [UInt8]

    /// The upper left corner of `map`.
    init(_ map: [UInt8], rowLength: Int, width: Int, height: Int, labels: [String]) {
        (self.width, self.height, self.labels) = (width, height, labels)
        classes = (0..<height).flatMap { row in
            map[row * rowLength..<row * rowLength + width]
        }
    }

    /// Red, green, blue and alpha of each pixel, premultiplied; of class 0, which is no object,
    /// nothing.
    func colored(alpha: UInt8) -> [UInt8] {
        let colors = (0..<256).map { number -> [UInt8] in
            let shares = Self.color(of: number).map { UInt8(Int($0) * Int(alpha) / 255) }
            return number == 0 ? [0, 0, 0, 0] : shares + [alpha]
        }
        return classes.flatMap { colors[Int($0)] }
    }

    /// The classes on at least a hundredth of the frame, the largest first.
    var present: [String] {
        var counts = [Int](repeating: 0, count: 256)
        for number in classes { counts[Int(number)] += 1 }
        return labels.indices.prefix(256).dropFirst()
            .filter { 100 * counts[$0] >= classes.count }
            .sorted { (counts[$1], $0) < (counts[$0], $1) }
            .map { labels[$0] }
    }

    /// The colour of a class in Pascal VOC's own pictures: bits of its number, dealt in turn.
    static func color(of number: Int) -> [UInt8] {
        var color: [UInt8] = [0, 0, 0]
        for bit in 0..<24 where number >> bit & 1 == 1 {
            color[bit % 3] |= 128 >> UInt8(bit / 3)
        }
        return color
    }
}
