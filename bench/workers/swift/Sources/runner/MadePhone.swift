// A phone for tests of what surrounds one: what bench/results/environment_record.py has of it.

struct MadePhone: Encodable {
    var system = "iOS 26.1"
    var machine = "arm64"
    var name = "iPhone 15 Pro"
    var model = "iPhone16,1"
    var processor = "A17 Pro"
    var physicalCores = 6
    var logicalCores = 6
    var memoryBytes = 8_000_000_000
    var powerSource = "battery"
}
