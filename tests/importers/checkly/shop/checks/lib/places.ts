import { PrivateLocation } from 'checkly/constructs'

export const office = new PrivateLocation('office', {
  name: 'The office in Bremen',
  slugName: 'office-bremen',
  proxyUrl: 'http://robot:sesame@proxy.example.org:3128',
})
