// Just so much of Combine as the app uses, as Apple documents it:
// developer.apple.com/documentation/combine.

public protocol ObservableObject: AnyObject {}

@propertyWrapper public struct Published<Value> {
    public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }
    public var wrappedValue: Value
}
