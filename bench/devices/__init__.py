"""Devices beside this machine on which launches can happen: iPhones, by Xcode's devicectl."""
