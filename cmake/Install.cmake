# Installation and the Debian package.
include(GNUInstallDirs)
# Packaging needs the program, not the tests: cmake --build BUILD --target lakeferry, then cpack in BUILD.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)

install(TARGETS lakeferry RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES systemd/lakeferry.service systemd/lakeferry.socket DESTINATION lib/systemd/system)
install(FILES conf/lakeferry.toml DESTINATION /etc/lakeferry)
install(DIRECTORY DESTINATION /etc/lakeferry/spaces.d)
# LoadCredential= names this folder: the service does not start without it.
install(DIRECTORY DESTINATION /etc/lakeferry/credentials DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
install(FILES conf/spaces.d/example.toml DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(FILES docs/configuration.md docs/operations.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES docs/man/lakeferry.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME lakeferry)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "Lakeferry maintainers <maintainers@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "customer profiles into Databricks: Segment-style calls to Unity Catalog tables")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR OFF)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "tzdata, ca-certificates")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${CMAKE_SOURCE_DIR}/systemd/debian/conffiles
    ${CMAKE_SOURCE_DIR}/systemd/debian/postinst
    ${CMAKE_SOURCE_DIR}/systemd/debian/prerm
    ${CMAKE_SOURCE_DIR}/systemd/debian/postrm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
