// What an app measures by itself is what Python computes: tests/swift_app_goldens.py writes it.

import Foundation
import XCTest

@testable import Measure

final class AppGoldenTests: XCTestCase {
    func testTheGateIsPythons() throws {
        struct Golden: Decodable {
            var values: [String], reference: [String]?, output: CheckedOutput, reason: String
        }
        for golden in try Goldens.read("gates", of: Golden.self) {
            let values = golden.values.map { Float($0)! }
            let reference = golden.reference?.map { Float($0)! }
            var output = OutputGate.checked(values, top1: golden.output.top1, reference: reference)
            XCTAssertEqual(OutputGate.reason(against: output) ?? "", golden.reason)
            if let far = output.difference, let expected = golden.output.difference {
                XCTAssertEqual(far, expected, accuracy: 1e-12 * max(1, expected))
                output.difference = golden.output.difference
            }
            XCTAssertEqual(output, golden.output)
        }
    }

    func testFiguresArePythons() throws {
        struct Golden: Decodable {
            var values: [Double], median, p90: Double, interval: [Double]?
        }
        for golden in try Goldens.read("figures", of: Golden.self) {
            XCTAssertEqual(Statistics.median(golden.values), golden.median)
            XCTAssertEqual(Statistics.quantile(golden.values, 0.9), golden.p90)
            let interval = Statistics.medianInterval(golden.values)
            XCTAssertEqual(interval.map { [$0.lowerBound, $0.upperBound] }, golden.interval)
        }
    }

    func testWhatIsCroppedIsWhatTheNetworkWasEvaluatedOn() throws {
        struct Golden: Decodable {
            var metadata: String, size: [Int], frame: [Double], whole: String?, region: [Double]
        }
        for golden in try Goldens.read("regions", of: Golden.self) {
            let geometry = Geometry(
                metadata: golden.metadata, width: golden.size[0], height: golden.size[1])
            XCTAssertEqual(geometry.whole, golden.whole)
            let region = geometry.region(width: golden.frame[0], height: golden.frame[1])
            let sides = [region.x, region.y, region.width, region.height]
            for (side, expected) in zip(sides, golden.region) {
                XCTAssertEqual(side, expected, accuracy: 1e-12)
            }
        }
    }

    func testAForeignPackageIsCroppedAsMostAre() {
        let usual = Geometry(
            metadata: #"{"geometry":{"crop":0.875}}"#, width: 224, height: 224)
        for text in [nil, "", "{", "[]", #"{"geometry":{"crop":7}}"#] {
            XCTAssertEqual(Geometry(metadata: text, width: 224, height: 224), usual)
        }
    }
}
