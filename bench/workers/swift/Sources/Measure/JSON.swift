// JSON as it is: what Python wrote into a plan goes into the results untouched.

import Foundation

public enum JSON: Codable, Equatable, Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case text(String)
    case list([JSON])
    case object(JSONObject)

    public init(from decoder: Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let bool = try? value.decode(Bool.self) {
            self = .bool(bool)
        } else if let integer = try? value.decode(Int.self) {
            self = .integer(integer)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else if let list = try? value.decode([JSON].self) {
            self = .list(list)
        } else {
            self = .object(try value.decode(JSONObject.self))
        }
    }

    public func encode(to encoder: Encoder) throws {
        var value = encoder.singleValueContainer()
        switch self {
        case .null: try value.encodeNil()
        case .bool(let bool): try value.encode(bool)
        case .integer(let integer): try value.encode(integer)
        case .number(let number): try value.encode(number)
        case .text(let text): try value.encode(text)
        case .list(let list): try value.encode(list)
        case .object(let object): try value.encode(object)
        }
    }

    public var text: String? { if case .text(let text) = self { return text } else { return nil } }
    public var integer: Int? { if case .integer(let n) = self { return n } else { return nil } }
    public var integers: [Int] {
        if case .list(let list) = self { return list.compactMap(\.integer) } else { return [] }
    }
}

/// An object by the names that Python gave its fields; foundation renames none of them.
public typealias JSONObject = [String: JSON]

extension JSONObject {
    /// The fields of a message, by Python's names; those without a value are left out.
    init(_ message: some Encodable) throws {
        self = try Message.decode(JSONObject.self, Message.encode(message))
    }
}
