// golden.json, which tests/swift_goldens.py writes.

import Foundation
import XCTest

@testable import Measure

enum Goldens {
    static func all() throws -> [String: Any] {
        let file = try XCTUnwrap(Bundle.module.url(forResource: "golden", withExtension: "json"))
        let content = try JSONSerialization.jsonObject(with: Data(contentsOf: file))
        return try XCTUnwrap(content as? [String: Any])
    }

    static func read<T: Decodable>(_ name: String, of type: T.Type) throws -> [T] {
        let chosen = try XCTUnwrap(all()[name] as? [Any])
        XCTAssertFalse(chosen.isEmpty)
        return try Message.decode([T].self, JSONSerialization.data(withJSONObject: chosen))
    }
}
