// Just so much of Metal as the Swift files use, as Apple documents it:
// developer.apple.com/documentation/metal/mtlcreatesystemdefaultdevice().

public protocol MTLDevice { var name: String { get } }
public func MTLCreateSystemDefaultDevice() -> (any MTLDevice)? { nil }
