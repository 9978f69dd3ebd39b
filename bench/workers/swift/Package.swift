// swift-tools-version:5.9
// A worker of `bench` in Swift: Core ML without Python in the loop. bench/README.md is its manual.

import PackageDescription

let package = Package(
    name: "runner",
    platforms: [.macOS(.v12), .iOS(.v15)],
    targets: [
        .target(name: "Measure"),
        .executableTarget(name: "runner", dependencies: ["Measure"]),
        .testTarget(
            name: "MeasureTests", dependencies: ["Measure"], resources: [.copy("golden.json")]),
    ]
)
