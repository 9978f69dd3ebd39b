// Just so much of Core Media as the app uses, as Apple documents it:
// developer.apple.com/documentation/coremedia.

@_exported import CoreVideo

public final class CMSampleBuffer {}

public func CMSampleBufferGetImageBuffer(_ sbuf: CMSampleBuffer) -> CVImageBuffer? { nil }
