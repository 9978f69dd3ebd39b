// Just so much of SwiftUI as the app uses, as Apple documents it:
// developer.apple.com/documentation/swiftui. What draws nothing here is a `Drawn`.

@_exported import Combine
import CoreGraphics
@_exported import Foundation
import UIKit

@MainActor @preconcurrency public protocol View {
    associatedtype Body: View
    @ViewBuilder @MainActor @preconcurrency var body: Body { get }
}

extension Never: View { public var body: Never { return fatalError() } }

public protocol Drawing: View where Body == Never {}
extension Drawing { public var body: Never { return fatalError() } }

public struct Drawn<Content>: Drawing {}
extension Optional: View where Wrapped: View {
    public var body: Never { return fatalError() }
}

@resultBuilder public struct ViewBuilder {
    public static func buildBlock() -> EmptyView { EmptyView() }
    public static func buildExpression<Content: View>(_ content: Content) -> Content { content }
    public static func buildBlock<Content: View>(_ content: Content) -> Content { content }
    public static func buildBlock<each Content: View>(
        _ content: repeat each Content
    ) -> Drawn<(repeat each Content)> { Drawn() }
    public static func buildEither<First: View, Second: View>(
        first: First
    ) -> Drawn<(First, Second)> { Drawn() }
    public static func buildEither<First: View, Second: View>(
        second: Second
    ) -> Drawn<(First, Second)> { Drawn() }
    public static func buildIf<Content: View>(_ content: Content?) -> Content? { content }
}

@MainActor @preconcurrency public protocol Scene {
    associatedtype Body: Scene
    @SceneBuilder @MainActor @preconcurrency var body: Body { get }
}

extension Never: Scene {}

@resultBuilder public struct SceneBuilder {
    public static func buildBlock<Content: Scene>(_ content: Content) -> Content { content }
}

@MainActor @preconcurrency public protocol App {
    associatedtype Body: Scene
    @SceneBuilder @MainActor @preconcurrency var body: Body { get }
    @MainActor @preconcurrency init()
}

extension App { @MainActor @preconcurrency public static func main() {} }

public struct WindowGroup<Content: View>: Scene {
    public init(@ViewBuilder content: () -> Content) {}
    public var body: Never { return fatalError() }
}

public enum HorizontalAlignment: Sendable { case leading, center, trailing }
public enum VerticalAlignment: Sendable { case top, center, bottom }
public struct Alignment: Sendable {
    public static let center = Alignment()
    public static let bottom = Alignment()
    public static let topLeading = Alignment()
}

public struct EmptyView: Drawing { public nonisolated init() {} }
public struct Spacer: Drawing { public init() {} }

public struct VStack<Content: View>: Drawing {
    public init(
        alignment: HorizontalAlignment = .center, spacing: CGFloat? = nil,
        @ViewBuilder content: () -> Content
    ) {}
}
public struct HStack<Content: View>: Drawing {
    public init(
        alignment: VerticalAlignment = .center, spacing: CGFloat? = nil,
        @ViewBuilder content: () -> Content
    ) {}
}
public struct ZStack<Content: View>: Drawing {
    public init(alignment: Alignment = .center, @ViewBuilder content: () -> Content) {}
}
public struct List<Content: View>: Drawing { public init(@ViewBuilder content: () -> Content) {} }
public struct Section<Content: View>: Drawing {
    public init(@ViewBuilder content: () -> Content) {}
}
public struct Group<Content: View>: Drawing { public init(@ViewBuilder content: () -> Content) {} }
public struct TabView<Selection: Hashable, Content: View>: Drawing {
    public init(selection: Binding<Selection>?, @ViewBuilder content: () -> Content) {}
}
public struct ForEach<Data: RandomAccessCollection, Content: View>: Drawing
where Data.Element: Identifiable {
    public init(_ data: Data, @ViewBuilder content: @escaping (Data.Element) -> Content) {}
}
public struct GeometryProxy { public var size: CGSize { .zero } }
public struct GeometryReader<Content: View>: Drawing {
    public init(@ViewBuilder content: @escaping (GeometryProxy) -> Content) {}
}

public struct Font: Sendable { public static let footnote = Font() }
public struct Text: Drawing {
    public init<Characters: StringProtocol>(_ content: Characters) {}
    public func monospacedDigit() -> Text { self }
    public func font(_ font: Font?) -> Text { self }
    public func foregroundColor(_ color: Color?) -> Text { self }
}
public struct Label: Drawing { public init(_ title: String, systemImage name: String) {} }
public struct Image: Drawing {
    public enum Interpolation: Sendable { case none, low, medium, high }
    public init(decorative cgImage: CGImage, scale: CGFloat) {}
    public func resizable() -> Image { self }
    public func interpolation(_ interpolation: Interpolation) -> Image { self }
}
public struct ProgressView: Drawing {
    public init<Number: BinaryFloatingPoint>(value: Number?, total: Number = 1) {}
}
public struct Button: Drawing {
    public init(_ title: String, action: @escaping @MainActor () -> Void) {}
}
public struct Picker<Selection: Hashable, Content: View>: Drawing {
    public init(
        _ title: String, selection: Binding<Selection>, @ViewBuilder content: () -> Content
    ) {}
}
public protocol PickerStyle {}
public struct SegmentedPickerStyle: PickerStyle {}
extension PickerStyle where Self == SegmentedPickerStyle {
    public static var segmented: SegmentedPickerStyle { .init() }
}

public protocol ShapeStyle: Sendable {}
public struct Material: ShapeStyle {}
extension ShapeStyle where Self == Material {
    public static var regularMaterial: Material { .init() }
}
public struct Color: ShapeStyle {
    public static let yellow = Color()
    public static let black = Color()
}
@MainActor @preconcurrency public protocol Shape: Drawing {}
extension Shape {
    public func stroke<Style: ShapeStyle>(
        _ content: Style, lineWidth: CGFloat = 1
    ) -> some View { Drawn<Self>() }
}
public struct Rectangle: Shape { public init() {} }

@propertyWrapper @dynamicMemberLookup public struct Binding<Value> {
    public init(get: @escaping () -> Value, set: @escaping (Value) -> Void) {}
    public var wrappedValue: Value {
        get { fatalError() }
        nonmutating set {}
    }
    public subscript<Part>(dynamicMember path: WritableKeyPath<Value, Part>) -> Binding<Part> {
        fatalError()
    }
}

@propertyWrapper public struct State<Value> {
    public init(wrappedValue value: Value) {}
    public var wrappedValue: Value {
        get { fatalError() }
        nonmutating set {}
    }
    public var projectedValue: Binding<Value> { fatalError() }
}

public enum ScenePhase: Comparable, Sendable { case background, inactive, active }
public struct EnvironmentValues { public var scenePhase: ScenePhase { .active } }
@propertyWrapper public struct Environment<Value> {
    public init(_ keyPath: KeyPath<EnvironmentValues, Value>) {}
    public var wrappedValue: Value { fatalError() }
}

@MainActor @preconcurrency @propertyWrapper public struct ObservedObject<Object: ObservableObject> {
    public init(wrappedValue: Object) {}
    public var wrappedValue: Object { fatalError() }
}

@MainActor @preconcurrency @propertyWrapper public struct StateObject<Object: ObservableObject> {
    public nonisolated init(wrappedValue thunk: @autoclosure @escaping () -> Object) {}
    public var wrappedValue: Object { fatalError() }
    public var projectedValue: Wrapper { fatalError() }

    @MainActor @preconcurrency @dynamicMemberLookup public struct Wrapper {
        public subscript<Part>(
            dynamicMember path: ReferenceWritableKeyPath<Object, Part>
        ) -> Binding<Part> { fatalError() }
    }
}

extension View {
    public func ignoresSafeArea() -> some View { Drawn<Self>() }
    public func padding() -> some View { Drawn<Self>() }
    public func clipped() -> some View { Drawn<Self>() }
    public func fixedSize() -> some View { Drawn<Self>() }
    public func frame(width: CGFloat? = nil, height: CGFloat? = nil) -> some View { Drawn<Self>() }
    public func position(x: CGFloat = 0, y: CGFloat = 0) -> some View { Drawn<Self>() }
    public func background<Style: ShapeStyle>(_ style: Style) -> some View { Drawn<Self>() }
    public func overlay<Content: View>(
        alignment: Alignment = .center, @ViewBuilder content: () -> Content
    ) -> some View { Drawn<Self>() }
    public func onAppear(perform action: (@MainActor () -> Void)? = nil) -> some View {
        Drawn<Self>()
    }
    public func onDisappear(perform action: (@MainActor () -> Void)? = nil) -> some View {
        Drawn<Self>()
    }
    public func onChange<Value: Equatable>(
        of value: Value, perform action: @escaping (Value) -> Void
    ) -> some View { Drawn<Self>() }
    public func tabItem<Content: View>(@ViewBuilder _ label: () -> Content) -> some View {
        Drawn<Self>()
    }
    public func tag<Tag: Hashable>(_ tag: Tag) -> some View { Drawn<Self>() }
    public func disabled(_ disabled: Bool) -> some View { Drawn<Self>() }
    public func pickerStyle<Style: PickerStyle>(_ style: Style) -> some View { Drawn<Self>() }
    public func sheet<Content: View>(
        isPresented: Binding<Bool>, @ViewBuilder content: @escaping () -> Content
    ) -> some View { Drawn<Self>() }
}

public struct RepresentableContext<Representable> {}

@MainActor @preconcurrency public protocol UIViewRepresentable: Drawing {
    associatedtype UIViewType: UIView
    typealias Context = RepresentableContext<Self>
    func makeUIView(context: Context) -> UIViewType
    func updateUIView(_ uiView: UIViewType, context: Context)
}

@MainActor @preconcurrency public protocol UIViewControllerRepresentable: Drawing {
    associatedtype UIViewControllerType: UIViewController
    typealias Context = RepresentableContext<Self>
    func makeUIViewController(context: Context) -> UIViewControllerType
    func updateUIViewController(_ controller: UIViewControllerType, context: Context)
}
