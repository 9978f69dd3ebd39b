// The figures on the screen: bench/results/stats.py is the authority.

import Foundation

public enum Statistics {
    static let level = 0.95

    /// `values` must not be empty.
    public static func median(_ values: [Double]) -> Double {
        let ordered = values.sorted()
        let middle = ordered.count / 2
        return ordered.count % 2 == 1
            ? ordered[middle] : ordered[middle - 1] / 2 + ordered[middle] / 2
    }

    /// Interpolated linearly (Hyndman and Fan's type 7).
    public static func quantile(_ values: [Double], _ q: Double) -> Double {
        let ordered = values.sorted()
        let place = q * Double(ordered.count - 1)
        let below = Int(place.rounded(.down))
        let (low, high) = (ordered[below], ordered[min(below + 1, ordered.count - 1)])
        return min(low + (high - low) * (place - Double(below)), high)
    }

    /// Order-statistic interval of the median, at 95 % and more; nil for too few values.
    public static func medianInterval(_ values: [Double]) -> ClosedRange<Double>? {
        guard let rank = intervalRank(values.count) else { return nil }
        let ordered = values.sorted()
        return ordered[rank]...ordered[ordered.count - 1 - rank]
    }

    /// The number of values below the median is binomial (n, 1/2).
    static func intervalRank(_ n: Int) -> Int? {
        let allowed = (1 - level) / 2 * (1 + 1e-12)
        var (chance, tail) = (pow(0.5, Double(n)), 0.0)  // of 1075 values and more it is 0
        var rank: Int?
        for r in 0..<(n + 1) / 2 {
            tail += chance
            if tail > allowed { break }
            rank = r
            chance *= Double(n - r) / Double(r + 1)
        }
        return rank
    }
}
