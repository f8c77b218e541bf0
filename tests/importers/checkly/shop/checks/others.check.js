const {
  DnsMonitor,
  HeartbeatMonitor,
  MaintenanceWindow,
  PrivateLocation,
  StatusPage,
  TcpMonitor,
  TeleportMonitor,
} = require('checkly/constructs')

for (const port of [5432, 6379]) {
  new TcpMonitor(`port-${port}`, { name: `Port ${port}`, request: { hostname: 'db.example.org', port } })
}
new DnsMonitor('name', { name: 'Name', request: { recordType: 'A', query: 'shop.example.org' } })
new HeartbeatMonitor('backup', { name: 'Backup', period: 1, periodUnit: 'days', grace: 1, graceUnit: 'hours' })
new MaintenanceWindow('sunday', { name: 'Sunday', tags: ['shop'] })
new StatusPage('status', { name: 'Status', url: 'status', cards: [] })
new TeleportMonitor('beam', { name: 'Beam' })
