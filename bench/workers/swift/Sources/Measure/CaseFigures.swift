// What is known of a case so far, for a screen: bench/results/summary.py is the authority.

/// Nanoseconds a call, of one launch each; a launch is the unit of observation.
public struct CaseFigures: Sendable {
    public let name: String
    public private(set) var medians: [Double] = []
    public private(set) var p90s: [Double] = []  // where a sample is one call
    public private(set) var trouble = ""  // why it does not run, or its last launch failed

    public var p50: Double? { medians.isEmpty ? nil : Statistics.median(medians) }
    public var p50Interval: ClosedRange<Double>? { Statistics.medianInterval(medians) }
    public var p90: Double? { p90s.isEmpty ? nil : Statistics.median(p90s) }

    init(_ record: JSONObject) {
        name = record["case"]?.text ?? ""
        trouble = record["skipped"]?.text ?? ""
    }

    mutating func add(_ launch: JSONObject) {
        let samples = launch["samples_ns"]?.integers.map(Double.init) ?? []
        trouble = launch["reason"]?.text ?? ""
        guard launch["status"]?.text == "ok", !samples.isEmpty else { return }
        let calls = launch["calls_per_sample"]?.integer ?? 1
        medians.append(Statistics.median(samples) / Double(calls))
        if calls == 1 { p90s.append(Statistics.quantile(samples, 0.9)) }
    }
}
